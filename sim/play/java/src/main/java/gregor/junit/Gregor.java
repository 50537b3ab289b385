package gregor.junit;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/** Tests of this class, or this test, get a cluster of their own as a parameter {@link Cluster}. */
@Target({ElementType.TYPE, ElementType.METHOD})
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(GregorExtension.class)
public @interface Gregor {
    /** Of gregor play: a scenario's file, "--brokers", "1", "--speed", "10" … */
    String[] options() default {};

    /** false: the verdict is the test's own business. */
    boolean judge() default true;

    /** These rules may be broken here: "lost" … */
    String[] may() default {};
}
