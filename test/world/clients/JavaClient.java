import java.io.OutputStream;
import java.net.Authenticator;
import java.net.HttpURLConnection;
import java.net.PasswordAuthentication;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Posts with Java's own clients. Both ask their Authenticator for credentials only after a 401; HttpClient also asks to
 * go on with HTTP/2 ("Upgrade: h2c"). Prints a status a line.
 */
final class JavaClient {
  public static void main(String[] arguments) throws Exception {
    String how = arguments[0];
    URI url = URI.create(arguments[1]);
    PasswordAuthentication login = new PasswordAuthentication(arguments[2], arguments[3].toCharArray());
    byte[] body = Files.readAllBytes(Path.of(arguments[4]));
    Authenticator authenticator =
        new Authenticator() {
          @Override
          protected PasswordAuthentication getPasswordAuthentication() {
            return login;
          }
        };
    if (how.equals("HttpURLConnection")) {
      Authenticator.setDefault(authenticator);
      postOnce(url, body);
    } else {
      postMany(HttpClient.newBuilder().authenticator(authenticator).build(), url, body);
    }
  }

  private static void postOnce(URI url, byte[] body) throws Exception {
    HttpURLConnection connection = (HttpURLConnection) url.toURL().openConnection();
    connection.setDoOutput(true);
    connection.setRequestProperty("Content-Type", "application/octet-stream");
    try (OutputStream out = connection.getOutputStream()) {
      out.write(body);
    }
    System.out.println(connection.getResponseCode());
  }

  /** One after the other, then ten at once. */
  private static void postMany(HttpClient client, URI url, byte[] body) throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(url)
            .header("Content-Type", "application/octet-stream")
            .POST(BodyPublishers.ofByteArray(body))
            .build();
    for (int i = 0; i < 10; i++)
      System.out.println(client.send(request, BodyHandlers.discarding()).statusCode());
    List<CompletableFuture<Integer>> answers = new ArrayList<>();
    for (int i = 0; i < 10; i++)
      answers.add(
          client.sendAsync(request, BodyHandlers.discarding()).thenApply(answer -> answer.statusCode()));
    for (CompletableFuture<Integer> answer : answers) System.out.println(answer.join());
  }
}
