package vitrine.views.chart;

import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/// A pyramid whose tiles are fetched when they are first looked at. What is not there yet is [Cells#NONE].
///
/// At most [#TILES_KEPT] tiles are held; those not looked at for longest go first. Used on the drawing thread only.
public final class TiledPyramid implements Pyramid {

    /// 128 MiB of whole tiles: more than any screen shows at once.
    static final int TILES_KEPT = 512;

    private record Key(int level, int row, int column) {}

    private final TileSource source;
    private final Runnable arrived;
    private final Set<Key> asked = new HashSet<>();
    private final Map<Key, float[]> tiles = new LinkedHashMap<>(64, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Key, float[]> eldest) {
            return size() > TILES_KEPT;
        }
    };

    /// @param arrived called after each tile that comes in, to draw anew
    public TiledPyramid(TileSource source, Runnable arrived) {
        this.source = source;
        this.arrived = arrived;
    }

    @Override
    public int levels() {
        return Pyramid.levelsFor(source.rows(), source.columns());
    }

    @Override
    public int rows(int level) {
        return Pyramid.sizeAt(level, source.rows());
    }

    @Override
    public int columns(int level) {
        return Pyramid.sizeAt(level, source.columns());
    }

    @Override
    public void read(int level, int row, int fromColumn, float[] into, int count) {
        int done = 0;
        while (done < count) {
            int column = fromColumn + done;
            int inTile = column % TileSource.SIZE;
            int piece = Math.min(count - done, TileSource.SIZE - inTile);
            float[] tile = tile(new Key(level, row / TileSource.SIZE, column / TileSource.SIZE));
            if (tile == null) {
                Arrays.fill(into, done, done + piece, Cells.NONE);
            } else {
                System.arraycopy(tile, row % TileSource.SIZE * widthOf(level, column) + inTile, into, done, piece);
            }
            done += piece;
        }
    }

    @Override
    public float at(int row, int column) {
        float[] one = new float[1];
        read(0, row, column, one, 1);
        return one[0];
    }

    private int widthOf(int level, int column) {
        int start = column / TileSource.SIZE * TileSource.SIZE;
        return Math.min(TileSource.SIZE, columns(level) - start);
    }

    private float[] tile(Key key) {
        float[] tile = tiles.get(key);
        if (tile == null && asked.add(key)) {
            source.load(key.level, key.row, key.column, values -> {
                asked.remove(key);
                tiles.put(key, values);
                arrived.run();
            });
            return tiles.get(key);
        }
        return tile;
    }
}
