package vitrine.views.chart;

import java.util.function.Consumer;

/// Where a matrix too large to hold comes from, tile by tile.
///
/// A tile is [#SIZE] × [#SIZE] values of one level of the pyramid, fewer at the right and lower edge. The source pools
/// as [Pyramid] says: each value of a level is the strongest of two by two of the level below.
public interface TileSource {

    /// Rows and columns of a whole tile.
    int SIZE = 256;

    int rows();

    int columns();

    /// Fetches a tile without keeping the caller waiting and hands over its rows, one after another.
    ///
    /// @param loaded takes the values, `[rows of the tile × columns of the tile]`; must be called on the thread that draws
    void load(int level, int tileRow, int tileColumn, Consumer<float[]> loaded);
}
