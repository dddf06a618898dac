import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import java.util.List;

/**
 * A server that speaks MongoDB's protocol, on a file: java -cp 'jars/*' Launcher.java PORT FILE.
 * PORT 0 is any free one. Prints the port once it listens. Ends on SIGTERM, and at the end of its
 * standard input, so that it does not outlive the tests that started it.
 */
class Launcher {
    /** Drivers refuse servers with an older protocol than that of MongoDB 5.0. */
    static final MongoVersion VERSION = new MongoVersion() {
        @Override
        public List<Integer> getVersionArray() {
            return List.of(5, 0, 0);
        }

        @Override
        public int getWireVersion() {
            return 13;
        }
    };

    public static void main(String[] arguments) throws Exception {
        H2Backend backend = new H2Backend(arguments[1]);
        backend.version(VERSION);
        MongoServer server = new MongoServer(backend);
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
        server.bind("127.0.0.1", Integer.parseInt(arguments[0]));
        System.out.println("listening on " + server.getLocalAddress().getPort());
        while (System.in.read() >= 0) {
            // Nobody writes anything.
        }
        System.exit(0);
    }
}
