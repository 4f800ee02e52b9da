package vitrine.views.chart;

/// A place in a matrix, counted from 0.
public record Cell(int row, int column) {}
