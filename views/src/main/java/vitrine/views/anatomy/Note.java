package vitrine.views.anatomy;

/// Something that the user should know about a checkpoint: one sentence.
///
/// @param warning whether it is odd; else it is only worth knowing
/// @param tensor the tensor that it is about, or null
record Note(boolean warning, String sentence, String tensor) {

    static Note warning(String sentence) {
        return new Note(true, sentence, null);
    }

    static Note information(String sentence) {
        return new Note(false, sentence, null);
    }
}
