import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * Gets agents' tokens and guests' signatures from the validator (Java 17, standard library only). Share one
 * instance in your server; {@code end} is the deadline of one of its requests, by {@code System.nanoTime()}.
 */
public final class ValidatorClient {
    private static final String USAGE =
            "usage: ValidatorClient tokens TENANT USER... | revoke | guest ORIGIN TENANT CHANNEL NAME";
    private static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(10);
    private static final Duration DEADLINE = Duration.ofSeconds(30);
    private static final Duration MAX_WAIT = Duration.ofSeconds(10); // for one Retry-After
    private static final Duration MARGIN = Duration.ofSeconds(60); // what a cached token has left at least
    private static final String JSON = "application/json";

    private final URI url;
    private final String client;
    private final Path secretFile;
    private final HttpClient http;
    private final Map<List<String>, String> cache = new ConcurrentHashMap<>();

    public ValidatorClient(String url, String caFile, String client, String secretFile)
            throws IOException, GeneralSecurityException {
        this.url = URI.create(url);
        this.client = client;
        this.secretFile = Path.of(secretFile);
        this.http = HttpClient.newBuilder()
                .sslContext(caFile.isEmpty() ? SSLContext.getDefault() : trusting(Path.of(caFile)))
                .version(HttpClient.Version.HTTP_1_1)
                .followRedirects(HttpClient.Redirect.NEVER)
                .build();
    }

    /** Returns the token's response as JSON, from the cache while it has enough time left. */
    public String agentToken(String tenant, String user, long end) throws IOException, InterruptedException {
        List<String> key = List.of(tenant, user);
        String cached = cache.get(key);
        if (cached != null && Instant.parse(member(cached, "expiresAt")).isAfter(Instant.now().plus(MARGIN))) {
            return cached;
        }
        String body = object("tenantSpaceId", tenant, "userAccount", user);
        String token = post("/api/v1/tokens/agent", body, JSON, Map.of(), end).body();
        cache.put(key, token);
        return token;
    }

    public void revoke(String token, long end) throws IOException, InterruptedException {
        post("/api/v1/tokens/revoke", object("token", token), "", Map.of(), end);
    }

    /** Returns what a guest's page posts to the cloud. */
    public String guest(String origin, String tenant, String channel, String name, long end)
            throws IOException, InterruptedException {
        HttpResponse<String> greeting = post("/webchat/guest", "{}", JSON, Map.of("Origin", origin), end);
        // Keep this cookie in the visitor's session: without it, every page load makes a new guest.
        String cookie = greeting.headers().firstValue("Set-Cookie").orElse("").split(";")[0];
        String id = member(greeting.body(), "thirdUserId");
        String signed = object(
                "thirdUserName", name, "thirdUserId", id, "tenantSpaceId", tenant, "channelConfigId", channel);
        Map<String, String> page = Map.of("Origin", origin, "Cookie", cookie);
        String line = post("/webchat/authorizationService", signed, "text/plain", page, end).body();
        return object("thirdUserName", name, "thirdUserId", id, "tenantSpaceId", tenant, "thirdPartAuthorization", line);
    }

    /** Returns a response of the expected type, or an empty one; a page's headers replace the client's. */
    private HttpResponse<String> post(
            String path, String body, String expected, Map<String, String> page, long end)
            throws IOException, InterruptedException {
        HttpResponse<String> response = send(path, body, page, end);
        if (List.of(401, 429, 503).contains(response.statusCode())) {
            if (response.statusCode() != 401) {
                pause(response, end);
            }
            response = send(path, body, page, end);
        }
        if (response.statusCode() != 200) {
            throw new IOException(described(response));
        }
        if (expected.isEmpty() ? !response.body().isEmpty() : !mediaType(response).equals(expected)) {
            throw new IOException("HTTP 200 with unexpected content: not from the validator");
        }
        return response;
    }

    /** Reads the secret for each request: after a rotation, the second try has the new one. */
    private HttpResponse<String> send(String path, String body, Map<String, String> page, long end)
            throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(url.resolve(path))
                .header("Content-Type", JSON)
                .POST(HttpRequest.BodyPublishers.ofString(body));
        page.forEach(request::header);
        if (page.isEmpty()) {
            String credentials = client + ":" + Files.readString(secretFile).strip();
            byte[] bytes = credentials.getBytes(StandardCharsets.UTF_8);
            request.header("Authorization", "Basic " + Base64.getEncoder().encodeToString(bytes));
        }
        // HttpRequest.timeout() ends with the response's headers; this includes its body.
        var response = http.sendAsync(request.build(), BodyHandlers.ofString());
        try {
            long left = Math.min(REQUEST_TIMEOUT.toNanos(), end - System.nanoTime());
            return response.get(left, TimeUnit.NANOSECONDS);
        } catch (ExecutionException error) {
            throw new IOException(url.getAuthority() + ": " + error.getCause(), error);
        } catch (TimeoutException error) {
            throw new IOException(url.getAuthority() + ": no response in time", error);
        } finally {
            response.cancel(true);
        }
    }

    private static void pause(HttpResponse<String> response, long end) throws IOException, InterruptedException {
        String text = response.headers().firstValue("Retry-After").orElse("");
        Duration wait = Duration.ofSeconds(text.matches("\\d{1,9}") ? Long.parseLong(text) : 1);
        if (wait.compareTo(MAX_WAIT) > 0 || wait.toNanos() > end - System.nanoTime()) {
            throw new IOException(described(response) + ": try again in " + wait.toSeconds() + " s");
        }
        Thread.sleep(wait.toMillis());
    }

    private static SSLContext trusting(Path caFile) throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (InputStream pem = Files.newInputStream(caFile)) {
            for (Certificate each : CertificateFactory.getInstance("X.509").generateCertificates(pem)) {
                store.setCertificateEntry("ca-" + store.size(), each);
            }
        }
        var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }

    private static String mediaType(HttpResponse<String> response) {
        return response.headers().firstValue("Content-Type").orElse("").split(";")[0];
    }

    /** Returns the problem (RFC 9457) in words; of any other content, nothing. */
    private static String described(HttpResponse<String> response) throws IOException {
        if (!mediaType(response).equals("application/problem+json")) {
            return "HTTP " + response.statusCode() + " without a problem document: not from the validator";
        }
        String problem = response.body();
        String detail = problem.contains("\"detail\"") ? ": " + member(problem, "detail") : "";
        String words = member(problem, "title") + detail + " (" + member(problem, "instance") + ")";
        return "HTTP " + response.statusCode() + " " + words;
    }

    /** Returns a text of a flat JSON object. Java has no JSON parser: use the one of your project. */
    private static String member(String json, String name) throws IOException {
        var found = Pattern.compile("\"" + name + "\"\\s*:\\s*\"((?:[^\"\\\\]|\\\\.)*)\"").matcher(json);
        if (!found.find()) {
            throw new IOException("no " + name + " in the response: not from the validator");
        }
        return found.group(1).replaceAll("\\\\([\"\\\\/])", "$1");
    }

    private static String object(String... members) {
        StringBuilder json = new StringBuilder("{");
        for (int i = 0; i < members.length; i += 2) {
            String value = members[i + 1].replace("\\", "\\\\").replace("\"", "\\\"");
            json.append(i == 0 ? "" : ",").append('"').append(members[i]).append("\":\"").append(value).append('"');
        }
        return json.append('}').toString();
    }

    public static void main(String[] arguments) throws InterruptedException {
        long end = System.nanoTime() + DEADLINE.toNanos();
        String command = arguments.length > 0 ? arguments[0] : "";
        boolean isComplete = switch (command) {
            case "tokens" -> arguments.length > 2;
            case "revoke" -> arguments.length == 1;
            case "guest" -> arguments.length == 5;
            default -> false;
        };
        if (!isComplete || !setting("URL").startsWith("https://")) {
            System.err.println(USAGE);
            System.exit(2);
        }
        try {
            var validator = new ValidatorClient(
                    setting("URL"), setting("CA_FILE"), setting("CLIENT"), setting("CLIENT_SECRET_FILE"));
            if (command.equals("revoke")) {
                validator.revoke(new String(System.in.readAllBytes(), StandardCharsets.UTF_8).strip(), end);
            } else if (command.equals("guest")) {
                System.out.println(validator.guest(arguments[1], arguments[2], arguments[3], arguments[4], end));
            } else {
                for (int i = 2; i < arguments.length; i++) {
                    System.out.println(validator.agentToken(arguments[1], arguments[i], end));
                }
            }
        } catch (IOException | GeneralSecurityException | IllegalArgumentException error) {
            System.err.println("error: " + error.getMessage());
            System.exit(1);
        }
    }

    private static String setting(String name) {
        return Objects.requireNonNullElse(System.getenv("VALIDATOR_" + name), "");
    }
}
