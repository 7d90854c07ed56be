import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;

/** Does what each line of standard input says, in one process, and answers in one line. */
public final class Client {
    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String answer;
            try {
                answer = answer(line.split(" "));
            } catch (UnknownHostException e) {
                answer = "nxdomain";
            } catch (SocketTimeoutException e) {
                answer = "timeout";
            } catch (ConnectException e) {
                answer = e.getMessage().startsWith("Connection refused") ? "refused" : e.toString();
            } catch (Exception e) {
                answer = e.toString();
            }
            System.out.println(answer);
        }
    }

    private static String answer(String[] words) throws Exception {
        if (words[0].equals("lookup")) {
            return InetAddress.getByName(words[1]).getHostAddress();
        }
        try (Socket socket = new Socket()) {
            int timeout = words.length > 3 ? (int) (Double.parseDouble(words[3]) * 1000) : 10000;
            socket.connect(new InetSocketAddress(InetAddress.getByName(words[1]), Integer.parseInt(words[2])), timeout);
            return "connected";
        }
    }
}
