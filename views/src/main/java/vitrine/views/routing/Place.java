package vitrine.views.routing;

/// An expert of a layer.
///
/// @param layer counts the layers with experts, from 0; it is not the layer's number in the model
record Place(int layer, int expert) {}
