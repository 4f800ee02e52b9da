/// Strict JSON: what Vitrine reads from others and writes for others.
package vitrine.core.json;
