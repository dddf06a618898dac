import io.socket.client.IO;
import io.socket.client.Manager;
import io.socket.client.Socket;
import io.socket.engineio.client.Transport;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.json.JSONArray;
import org.json.JSONObject;

/**
 * socket.io-client for Java, as an application uses it; the same for its versions 1 and 2.
 * Its options are the argument; see ../README.md for what is said.
 */
public final class Client {
  private static final PrintStream OUTPUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);
  /** What brought the last packet. */
  private static volatile String transport = "";

  public static void main(String[] arguments) throws Exception {
    JSONObject given = new JSONObject(arguments[0]);
    IO.Options options = new IO.Options();
    options.forceNew = true;
    options.reconnectionDelay = 200;
    options.reconnectionDelayMax = 1000;
    options.transports = transports(given.getJSONArray("transports"));
    Socket socket = IO.socket(given.getString("url"), options);
    socket.io().on(Manager.EVENT_TRANSPORT, made -> prepare((Transport) made[0], given.optString("token")));
    listen(socket);
    socket.connect();
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      send(socket, given.getString("userId"), new JSONObject(line));
    }
    System.exit(0);
  }

  private static String[] transports(JSONArray names) throws Exception {
    List<String> list = new ArrayList<>();
    for (int index = 0; index < names.length(); index += 1) list.add(names.getString(index));
    return list.toArray(new String[0]);
  }

  /** Version 1 has neither `auth` nor `extraHeaders`; headers are given to each transport in both. */
  @SuppressWarnings("unchecked")
  private static void prepare(Transport made, String token) {
    made.on(Transport.EVENT_REQUEST_HEADERS, headers ->
        ((Map<String, List<String>>) headers[0]).put("Authorization", Collections.singletonList("Bearer " + token)));
    made.on(Transport.EVENT_PACKET, packet -> transport = made.name);
  }

  private static void listen(Socket socket) {
    socket.on("connect", nothing -> say("connected", "reason", ""));
    socket.on("auth:success", welcome -> say("welcome", "reason", ""));
    socket.on("disconnect", reason -> say("disconnected", "reason", String.valueOf(reason[0])));
    socket.on("connect_error", error -> say("refused", "reason", String.valueOf(error[0])));
    socket.on("error", error -> say("refused", "reason", String.valueOf(error[0])));
    socket.on("receive_message", message -> received((JSONObject) message[0]));
  }

  private static void received(JSONObject message) {
    Object content = message.opt("ciphertext");
    if (content instanceof byte[] bytes) {
      String base64 = Base64.getEncoder().encodeToString(bytes);
      say("received", "seq", message.opt("seq"), "transport", transport, "base64", base64);
    } else {
      say("received", "seq", message.opt("seq"), "transport", transport, "text", content);
    }
  }

  private static void send(Socket socket, String userId, JSONObject command) throws Exception {
    Object content = command.opt("text");
    if (content == null) content = Base64.getDecoder().decode(command.getString("base64"));
    Object seq = command.get("seq");
    JSONObject message = new JSONObject()
        .put("recipientId", userId).put("ciphertext", content).put("iv", "i").put("tag", "t").put("seq", seq);
    socket.emit("send_message", new Object[] {message}, answer ->
        say("acknowledged", "seq", seq, "success", ((JSONObject) answer[0]).opt("success")));
  }

  private static synchronized void say(String fact, Object... more) {
    try {
      JSONObject said = new JSONObject().put("fact", fact);
      for (int index = 0; index < more.length; index += 2) said.put((String) more[index], more[index + 1]);
      OUTPUT.println(said);
    } catch (org.json.JSONException error) {
      throw new IllegalStateException(error);
    }
  }
}
