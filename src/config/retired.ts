/** What became of a key; undefined where its value asks for what is so anyway. Never the value itself. */
export type Becomes = (value: unknown) => string | undefined;

const isOff = (value: unknown): boolean => /^(false|no|off|0)$/i.test(String(value));

const unused =
  (why: string): Becomes =>
  () =>
    `not used: ${why}`;

/** As `unused`, unless it is switched off. */
const unusedIfOn =
  (why: string): Becomes =>
  (value) =>
    isOff(value) ? undefined : `not used: ${why}`;

const noUserInterface = unused('nothing is rendered on the server');
const noOtherLogin = unused('clients log in with the credentials of RabbitMQ');
const perRequest = unused('each request brings its vhost and its credentials');
const ownConnections = unused('the keys beside host and port say how RabbitMQ is connected to');

const staticFiles: Becomes = (value) =>
  value === '/static/' ? undefined : 'not used: the page’s files stay below /static/';

/**
 * Keys that the Python stack of 2013 took and that have no meaning here, by section: clihelper's, Tinman's, and the
 * settings of Tornado's Application and HTTPServer.
 */
export const retired: readonly (readonly [section: readonly string[], keys: Readonly<Record<string, Becomes>>])[] = [
  [['Daemon'], { prevent_core: unusedIfOn('whoever starts statelessd limits core files (ulimit -c 0)') }],
  [
    ['Application'],
    {
      autoescape: noUserInterface,
      autoreload: unusedIfOn('SIGHUP reloads'),
      compiled_template_cache: noUserInterface,
      compress_response: unusedIfOn('answers are not compressed; a reverse proxy can do it'),
      cookie_secret: unused('no cookie is signed'),
      default_handler_args: unused('paths that no route matches are 404'),
      default_handler_class: unused('paths that no route matches are 404'),
      default_host: unused('routes are for every host'),
      default_locale: noUserInterface,
      facebook_api_key: noOtherLogin,
      facebook_secret: noOtherLogin,
      friendfeed_consumer_key: noOtherLogin,
      friendfeed_consumer_secret: noOtherLogin,
      github_oauth: noOtherLogin,
      google_consumer_key: noOtherLogin,
      google_consumer_secret: noOtherLogin,
      google_oauth: noOtherLogin,
      gzip: unusedIfOn('answers are not compressed; a reverse proxy can do it'),
      key_version: unused('no cookie is signed'),
      log_function: unused('Logging says where the access log goes'),
      login_url: noOtherLogin,
      newrelic_ini: unused('/metrics has the figures'),
      path: unused('the key is paths, as in 2013'),
      redis: unused('nothing connects to Redis'),
      serve_traceback: unusedIfOn('debug: true shows stacks'),
      server_ports: unused('HTTPServer.ports are the ports'),
      session: unused('there are no sessions'),
      static_handler_args: noUserInterface,
      static_handler_class: noUserInterface,
      static_hash_cache: noUserInterface,
      static_url_prefix: staticFiles,
      stats_port: unused('/stats is served on every port'),
      template_loader: noUserInterface,
      template_whitespace: noUserInterface,
      transforms: noUserInterface,
      twitter_consumer_key: noOtherLogin,
      twitter_consumer_secret: noOtherLogin,
      ui_methods: noUserInterface,
      ui_modules: noUserInterface,
      version: unused('--version prints it'),
      wake_interval: unused('nothing is done at intervals'),
      whitelist: unused('HTTPServer.operations.allow says who may read /stats; RabbitMQ, who may publish'),
      wsgi: unusedIfOn('statelessd serves HTTP itself'),
      xsrf_cookie_kwargs: unused('the _xsrf cookie is compared, and never set'),
      xsrf_cookie_version: unused('the _xsrf cookie is compared, and never set'),
    },
  ],
  [['Application', 'paths'], { translations: noUserInterface }],
  [
    ['Application', 'rabbitmq'],
    {
      channel_max: ownConnections,
      connection_attempts: ownConnections,
      frame_max: ownConnections,
      heartbeat_interval: unused('heartbeat is the key'),
      locale: ownConnections,
      password: perRequest,
      retry_delay: ownConnections,
      socket_timeout: unused('connect_timeout is the key'),
      ssl: unusedIfOn('tls is the key'),
      ssl_options: unused('tls is the key'),
      username: perRequest,
      virtual_host: perRequest,
    },
  ],
  [
    ['HTTPServer'],
    {
      backlog: unused('it is 4096, or what the kernel allows'),
      body_timeout: unused('request_timeout is the key'),
      chunk_size: unused('bodies are read as they come'),
      decompress_request: unusedIfOn('compressed bodies are published as they are'),
      family: unused('address says what is listened on'),
      idle_connection_timeout: unused('keep_alive_timeout is the key'),
      max_buffer_size: unused('max_body_size is the limit'),
      max_header_size: unused('headers may have 16 KiB'),
      num_processes: unused('workers is the key'),
      processes: unused('workers is the key'),
      protocol: unused('xheaders: true takes it from a proxy'),
      trusted_downstream: unused('trusted_proxies is the key'),
    },
  ],
  [
    ['HTTPServer', 'ssl_options'],
    {
      ciphers: unused('they are Node’s'),
      do_handshake_on_connect: unused('it is so'),
      server_side: unused('it is so'),
      ssl_version: unused('TLS 1.2 and 1.3 are served'),
      suppress_ragged_eofs: unused('it is so'),
    },
  ],
];
