import java.io.FileInputStream;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The Java function with a Runtime API client of the least kind. */
public final class Main {
    private static final String API = "http://" + System.getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/";
    private static final HttpClient CLIENT = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private static int turns;

    public static void main(String[] args) throws Exception {
        while (true) {
            HttpResponse<String> next = CLIENT.send(HttpRequest.newBuilder(URI.create(API + "next")).build(), HttpResponse.BodyHandlers.ofString());
            if (next.statusCode() != 200) {
                throw new IOException("next was answered " + next.statusCode());
            }
            String id = next.headers().firstValue("Lambda-Runtime-Aws-Request-Id").orElseThrow();
            try {
                post(id + "/response", handle(next.body()));
            } catch (RuntimeException | IOException e) {
                post(id + "/error", "{\"errorMessage\":" + quote(String.valueOf(e.getMessage())) + ",\"errorType\":" + quote(e.getClass().getName()) + ",\"stackTrace\":[]}");
            }
        }
    }

    private static void post(String path, String body) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(API + path)).header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body)).build();
        HttpResponse<String> answer = CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 202) {
            System.err.println(path + " was answered " + answer.statusCode() + " " + answer.body());
            System.exit(1);
        }
    }

    private static String handle(String event) throws Exception {
        turns++;
        Files.writeString(Path.of(text(event, "Handled")), text(event, "Case") + "\n", StandardOpenOption.APPEND, StandardOpenOption.CREATE);
        String body = "{\"sku\":" + quote(text(event, "SKU")) + ",\"turn\":" + turns + ",\"pid\":" + ProcessHandle.current().pid() + ",\"seen\":" + look(event) + "}";
        return "{\"statusCode\":200,\"body\":" + quote(body) + "}";
    }

    private static Object look(String event) throws Exception {
        ProcessHandle self = ProcessHandle.current();
        long pid = text(event, "Of").equals("parent") ? self.parent().orElseThrow().pid() : self.pid();
        switch (text(event, "Probe")) {
            case "disk":
                String folder = System.getenv("TMPDIR");
                return Path.of(folder == null ? "/tmp" : folder).toFile().getUsableSpace() >> 20;
            case "memory":
                return Long.parseLong(Files.readString(Path.of("/proc/" + pid + "/statm")).split(" ")[1]) * 4096 >> 20;
            case "cpu":
                long first = ticks(pid);
                for (int i = 0; i < 60; i++) {
                    Thread.sleep(50);
                    if (ticks(pid) - first >= 8) {
                        return true;
                    }
                }
                return false;
            case "descriptors":
                return open(number(event, "Descriptors"));
            case "lookup":
                try {
                    InetAddress.getAllByName(text(event, "Host"));
                    return true;
                } catch (IOException e) {
                    return false;
                }
            case "http":
                return ((HttpURLConnection) URI.create(text(event, "URL")).toURL().openConnection()).getResponseCode();
            default:
                return null;
        }
    }

    private static long ticks(long pid) throws IOException {
        String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
        return Long.parseLong(fields[11]) + Long.parseLong(fields[12]);
    }

    private static int open(int most) throws IOException {
        List<FileInputStream> files = new ArrayList<>();
        try {
            while (files.size() < most) {
                files.add(new FileInputStream("/dev/null"));
            }
        } catch (IOException e) {
            // as many as there were
        }
        int count = files.size();
        for (FileInputStream f : files) {
            f.close();
        }
        return count;
    }

    // The events of the tests are flat, and their texts need no escapes.
    private static String text(String event, String name) {
        Matcher m = Pattern.compile("\"" + name + "\":\"([^\"]*)\"").matcher(event);
        return m.find() ? m.group(1) : "";
    }

    private static int number(String event, String name) {
        Matcher m = Pattern.compile("\"" + name + "\":(\\d+)").matcher(event);
        return m.find() ? Integer.parseInt(m.group(1)) : 0;
    }

    private static String quote(String text) {
        return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
    }
}
