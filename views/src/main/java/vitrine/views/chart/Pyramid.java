package vitrine.views.chart;

/// A matrix at halving resolutions, so that any zoom reads about as many values as the screen has pixels.
///
/// Level 0 is the matrix itself; each further level has half the rows and columns, rounded up, and holds the strongest
/// of two by two cells. Never their mean: a single bright cell among 2,048 × 2,048 must stay visible.
public interface Pyramid {

    /// How many resolutions there are; the last has one cell.
    int levels();

    int rows(int level);

    int columns(int level);

    /// Copies a piece of one row into the front of an array.
    void read(int level, int row, int fromColumn, float[] into, int count);

    /// One value of the matrix itself.
    float at(int row, int column);

    /// The number of levels above a matrix of this size, itself included.
    static int levelsFor(int rows, int columns) {
        int levels = 1;
        for (int size = Math.max(rows, columns); size > 1; size = (size + 1) / 2) {
            levels++;
        }
        return levels;
    }

    /// The size of a level's side.
    static int sizeAt(int level, int size) {
        return Math.max(1, (size + (1 << level) - 1) >> level);
    }
}
