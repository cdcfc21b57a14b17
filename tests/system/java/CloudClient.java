import java.io.InputStream;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/**
 * A TLS client that trusts one certificate and nothing else, as a server in Java does of which a
 * certificate was uploaded: CloudClient CERTIFICATE HOST PORT. It connects to 127.0.0.1 and asks for
 * HOST. It prints "accepted", or "refused: " with Java's own words.
 */
public final class CloudClient {
    private static final int PATIENCE_MILLISECONDS = 20_000;

    public static void main(String[] arguments) throws Exception {
        SSLContext context = trusting(Path.of(arguments[0]));
        String host = arguments[1];
        int port = Integer.parseInt(arguments[2]);
        try (Socket plain = new Socket("127.0.0.1", port);
                SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(plain, host, port, true)) {
            socket.setSoTimeout(PATIENCE_MILLISECONDS);
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            socket.setSSLParameters(parameters);
            socket.startHandshake();
            System.out.println("accepted");
        } catch (SSLException refusal) {
            System.out.println("refused: " + refusal.getMessage());
        }
    }

    private static SSLContext trusting(Path file) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (InputStream content = Files.newInputStream(file)) {
            Certificate certificate = CertificateFactory.getInstance("X.509").generateCertificate(content);
            store.setCertificateEntry("uploaded", certificate);
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
        factory.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, factory.getTrustManagers(), null);
        return context;
    }
}
