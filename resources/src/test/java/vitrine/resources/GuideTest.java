package vitrine.resources;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import org.junit.jupiter.api.Test;

class GuideTest {

    @Test
    void everyPageIsThereInEveryLanguage() {
        for (String page : Guide.pages()) {
            assertEquals(Guide.text(page), Guide.text(page, Language.ENGLISH), page);
            assertNotEquals(Guide.text(page), Guide.text(page, Language.CHINESE), page);
        }
    }

    @Test
    void aPageWithoutATranslationIsEnglish() {
        assertEquals(Guide.text("rank"), Guide.text("rank", "xx"));
        assertEquals(Guide.text("rank", Language.CHINESE), Guide.text("rank", "zh-CN"));
    }

    @Test
    void whatIsNoPageIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> Guide.text("nothing", Language.CHINESE));
        assertThrows(IllegalArgumentException.class, () -> Guide.text("../zh-CN/rank", Language.CHINESE));
        assertEquals(Optional.empty(), Guide.read("xx/rank"));
        assertTrue(Guide.read("zh-CN/rank").isPresent());
    }
}
