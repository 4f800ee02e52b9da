/// Dropping files on the window: what each of them is, while they are still held ([vitrine.app.drop.DropOverlay]), and opening them
/// when they are let go ([vitrine.app.drop.DropTarget]).
///
/// The rule: whatever can be opened is; what cannot be opened says why and touches nothing that is open.
package vitrine.app.drop;
