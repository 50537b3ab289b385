package gregor.junit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.extension.AfterTestExecutionCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.platform.commons.support.AnnotationSupport;

/**
 * Gives each test a cluster, and judges it when the test has ended: a test that passed fails if the cluster broke a promise; to
 * each failure the story of the run and its folder are added. Folders go to the system property gregor.out, else to a temporary
 * one.
 */
public final class GregorExtension implements ParameterResolver, AfterTestExecutionCallback {
    private static final ExtensionContext.Namespace OURS = ExtensionContext.Namespace.create(GregorExtension.class);

    /** Acknowledged data is gone, doubled, out of order; or, added to another failure, what happened meanwhile. */
    public static final class Told extends AssertionError {
        Told(String story) {
            super(story, null);
            setStackTrace(new StackTraceElement[0]);
        }
    }

    private record Held(Cluster cluster) implements ExtensionContext.Store.CloseableResource {
        @Override
        public void close() {
            cluster.close();
        }
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        return parameter.getParameter().getType() == Cluster.class;
    }

    private static Optional<Gregor> wishes(ExtensionContext context) {
        Optional<Gregor> ofTest = AnnotationSupport.findAnnotation(context.getElement(), Gregor.class);
        return ofTest.isPresent() ? ofTest : AnnotationSupport.findAnnotation(context.getTestClass(), Gregor.class);
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
        return context.getStore(OURS).getOrComputeIfAbsent(Held.class, k -> new Held(start(context)), Held.class).cluster();
    }

    private static Cluster start(ExtensionContext context) {
        String[] options = wishes(context).map(Gregor::options).orElse(new String[0]);
        String out = System.getProperty("gregor.out");
        try {
            Path folder = out == null ? Files.createTempDirectory("gregor-")
                    : Path.of(out, context.getRequiredTestClass().getSimpleName() + "." + context.getRequiredTestMethod().getName());
            return new Cluster(folder, options);
        } catch (IOException e) {
            throw new Cluster.GregorException("no folder for the run: " + e.getMessage());
        }
    }

    private static boolean isBroken(Cluster.Report report, Gregor wishes) {
        if (wishes != null && !wishes.judge()) return false;
        if (report.verdict.equals("fail") && !report.broken().isEmpty())
            return wishes == null || !Arrays.asList(wishes.may()).containsAll(report.broken());
        return !report.passed();
    }

    @Override
    public void afterTestExecution(ExtensionContext context) {
        Held held = context.getStore(OURS).get(Held.class, Held.class);
        if (held == null) return;
        Cluster.Report report;
        Optional<Throwable> failure = context.getExecutionException();
        try {
            report = held.cluster().finish();
        } catch (Cluster.GregorException e) {
            if (failure.isEmpty()) throw e;
            failure.get().addSuppressed(e);
            return;
        }
        if (failure.isPresent()) failure.get().addSuppressed(new Told(report.toString()));
        else if (isBroken(report, wishes(context).orElse(null))) throw new Told(report.toString());
    }
}
