package vitrine.app.shell.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class FuzzyMatchTest {

    private static int score(String typed, String name) {
        return new FuzzyMatch(typed).score(name);
    }

    @Test
    void allLettersMustAppearInOrder() {
        assertNotEquals(FuzzyMatch.NONE, score("gpw", "gate_proj.weight"));
        assertEquals(FuzzyMatch.NONE, score("wpg", "gate_proj.weight"));
        assertNotEquals(FuzzyMatch.NONE, score("ab", "xa-b a"));
        assertEquals(0, score("", "anything"));
    }

    @Test
    void startsOfWordsAndLettersTogetherCountMore() {
        assertTrue(score("l2gate", "model.layers.2.mlp.gate_proj.weight") > score("l2gate", "model.layers.12.mlp.gate_proj.weight"));
        assertTrue(score("gate", "gate_proj") > score("gate", "g_a_t_e_long"));
        assertTrue(score("layer 2", "Layer 2, head 0") > score("layer 2", "Layer 0, head 2"));
        assertTrue(score("layer 1 head 2", "Layer 1, head 2") > score("layer 1 head 2", "Layer 1, head 12"));
    }
}
