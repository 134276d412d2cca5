import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.DefaultConsumer;
import com.rabbitmq.client.Envelope;
import com.rabbitmq.client.LongString;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** Reads messages as programs on the RabbitMQ Java client do. */
final class JavaConsumer {
  private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  public static void main(String[] arguments) throws Exception {
    ConnectionFactory factory = new ConnectionFactory();
    factory.setHost("127.0.0.1");
    factory.setPort(Integer.parseInt(arguments[0]));
    factory.setVirtualHost(arguments[1]);
    factory.setUsername(arguments[2]);
    factory.setPassword(arguments[3]);
    factory.setAutomaticRecoveryEnabled(false);
    int count = Integer.parseInt(arguments[5]);
    CompletableFuture<Void> done = new CompletableFuture<>();
    try (Connection connection = factory.newConnection()) {
      connection.addShutdownListener(done::completeExceptionally);
      Channel channel = connection.createChannel();
      channel.basicQos(1);
      if (count > 0) {
        channel.basicConsume(arguments[4], false, new Reader(channel, count, done));
        done.get(20 + count, TimeUnit.SECONDS);
      }
    }
  }

  private static final class Reader extends DefaultConsumer {
    private final CompletableFuture<Void> done;
    private int left;

    Reader(Channel channel, int count, CompletableFuture<Void> done) {
      super(channel);
      this.left = count;
      this.done = done;
    }

    @Override
    public void handleDelivery(String tag, Envelope envelope, AMQP.BasicProperties properties, byte[] body) {
      try {
        OUT.println(line(properties, body));
        getChannel().basicAck(envelope.getDeliveryTag(), false);
        left -= 1;
        if (left == 0) done.complete(null);
      } catch (Exception error) {
        done.completeExceptionally(error);
      }
    }
  }

  private static String line(AMQP.BasicProperties properties, byte[] body) {
    Map<String, Object> given = new LinkedHashMap<>();
    given.put("app_id", properties.getAppId());
    given.put("content_encoding", properties.getContentEncoding());
    given.put("content_type", properties.getContentType());
    given.put("correlation_id", properties.getCorrelationId());
    given.put("delivery_mode", properties.getDeliveryMode());
    given.put("expiration", properties.getExpiration());
    given.put("message_id", properties.getMessageId());
    given.put("priority", properties.getPriority());
    given.put("reply_to", properties.getReplyTo());
    given.put("timestamp", properties.getTimestamp());
    given.put("type", properties.getType());
    given.put("user_id", properties.getUserId());
    given.values().removeIf(value -> value == null);
    Map<String, Object> headers = properties.getHeaders() == null ? Map.of() : properties.getHeaders();
    return "{\"body\":" + quoted(Base64.getEncoder().encodeToString(body))
        + ",\"properties\":" + describe(given)
        + ",\"headers\":" + describe(headers) + "}";
  }

  /**
   * A value with its type, so that nothing is lost in JSON. Integer and Long are what a program casts to, and so
   * both are an `int`; a Byte and a Short are told apart.
   */
  private static String describe(Object value) {
    if (value == null) return quoted("null");
    if (value instanceof Boolean) return quoted("bool " + value);
    if (value instanceof Integer || value instanceof Long) return quoted("int " + value);
    if (value instanceof Byte || value instanceof Short)
      return quoted(value.getClass().getSimpleName().toLowerCase() + " " + value);
    if (value instanceof Double)
      return quoted(String.format("float %016x", Double.doubleToRawLongBits((Double) value)));
    if (value instanceof BigDecimal) return quoted("decimal " + ((BigDecimal) value).toPlainString());
    if (value instanceof Date) return quoted("time " + ((Date) value).getTime() / 1000);
    if (value instanceof String || value instanceof LongString) return quoted("string " + value);
    if (value instanceof byte[]) return quoted("bytes " + Base64.getEncoder().encodeToString((byte[]) value));
    if (value instanceof List)
      return ((List<?>) value).stream().map(JavaConsumer::describe).collect(Collectors.joining(",", "[", "]"));
    if (value instanceof Map)
      return ((Map<?, ?>) value).entrySet().stream()
          .map(entry -> quoted(entry.getKey().toString()) + ":" + describe(entry.getValue()))
          .collect(Collectors.joining(",", "{", "}"));
    throw new IllegalArgumentException("no description for " + value.getClass());
  }

  private static String quoted(String text) {
    StringBuilder json = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c < 0x20 || c == '"' || c == '\\') json.append(String.format("\\u%04x", (int) c));
      else json.append(c);
    }
    return json.append('"').toString();
  }
}
