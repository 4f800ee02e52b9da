package vitrine.views.routing;

/// Tokens whose load is compared: those of one domain or of all, in this checkpoint or in another.
///
/// @param checkpoint 0 for this one, counted on from 1 for the others
/// @param domain or [RoutingData#ALL]
record Side(int checkpoint, int domain) {}
