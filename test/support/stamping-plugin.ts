import type { Broker } from '../../wrangler-free-local/broker.ts';

/**
 * A plugin that stamps what is published with the time, and in a header too, over what the message says: RabbitMQ before
 * 3.12 has such plugins, and no setting for it. Its source, one form each.
 *
 * @see https://github.com/rabbitmq/rabbitmq-message-timestamp
 */
const SOURCE = [
  '-module(statelessd_test_stamp).',
  '-behaviour(rabbit_channel_interceptor).',
  '-export([description/0, init/1, intercept/3, applies_to/0]).',
  'description() -> [].',
  'init(_Channel) -> undefined.',
  "applies_to() -> ['basic.publish'].",
  `intercept(Method, Content, _State) when element(1, Method) =:= 'basic.publish' ->
     Decoded = rabbit_binary_parser:ensure_content_decoded(Content),
     Properties = element(3, Decoded),
     Headers = case element(4, Properties) of undefined -> []; Table -> Table end,
     Now = os:system_time(millisecond),
     Stamped = lists:keystore(<<"timestamp_in_ms">>, 1, Headers, {<<"timestamp_in_ms">>, long, Now}),
     Changed = setelement(4, setelement(11, Properties, Now div 1000), Stamped),
     {Method, setelement(4, setelement(3, Decoded, Changed), none)};
   intercept(Method, Content, _State) -> {Method, Content}.`,
];

const quoted = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&').replace(/\s+/g, ' ')}"`;

/** Has a running broker stamp what is published on channels that are opened from now on. */
export async function stampMessages(broker: Broker): Promise<void> {
  const said = await broker.rpcEval(`
    Form = fun(Text) -> {ok, Tokens, _} = erl_scan:string(Text), {ok, Parsed} = erl_parse:parse_form(Tokens), Parsed end,
    {ok, Module, Code} = compile:forms(lists:map(Form, [${SOURCE.map(quoted).join(', ')}])),
    {module, Module} = code:load_binary(Module, "stamp", Code),
    rabbit_registry:register(channel_interceptor, <<"stamp">>, Module).`);
  if (said !== 'ok') throw new Error(`the plugin could not be loaded: ${said}`);
}
