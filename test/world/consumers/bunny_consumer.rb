# frozen_string_literal: true

# Reads messages as programs on bunny do.

require 'bigdecimal'
require 'bunny'
require 'json'
require 'timeout'

port, vhost, user, password, queue, count = ARGV

# A value with its type, so that nothing is lost in JSON: `int 9223372036854775807`, `float 3ff8000000000000`.
def describe(value)
  case value
  when nil then 'null'
  when true, false then "bool #{value}"
  when Integer then "int #{value}"
  when Float then "float #{[value].pack('G').unpack1('H*')}"
  when BigDecimal then "decimal #{value.to_s('F')}"
  when Time then "time #{value.to_i}"
  when String then describe_string(value)
  when Array then value.map { |item| describe(item) }
  when Hash then value.to_h { |key, item| [text(key.to_s), describe(item)] }
  else raise TypeError, "no description for #{value.class}"
  end
end

# Strings in headers come as bytes, whatever they are.
def text(value)
  value.dup.force_encoding(Encoding::UTF_8)
end

def describe_string(value)
  text(value).valid_encoding? ? "string #{text(value)}" : "bytes #{[value].pack('m0')}"
end

connection = Bunny.new(host: '127.0.0.1', port: port.to_i, vhost: vhost, user: user, password: password,
                       automatically_recover: false, log_level: Logger::FATAL)
connection.start
channel = connection.create_channel
channel.prefetch(1)
deliveries = Queue.new
channel.queue(queue, passive: true).subscribe(manual_ack: true) { |*delivery| deliveries << delivery }
$stdout.sync = true
Timeout.timeout(20 + count.to_i) do
  count.to_i.times do
    info, properties, body = deliveries.pop
    # A Hash of all that was there, and of defaults for what was not.
    given = properties.to_hash.compact
    headers = given.delete(:headers) || {}
    puts JSON.generate({ body: [body].pack('m0'), properties: describe(given), headers: describe(headers) })
    channel.ack(info.delivery_tag)
  end
end
connection.close
