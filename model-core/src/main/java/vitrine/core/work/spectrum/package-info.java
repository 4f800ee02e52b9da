/// Singular values of stored matrices (`spectrum`) and the distribution of stored values (`statistics`).
package vitrine.core.work.spectrum;
