/// How long work says how far it is, and hears that it should stop.
package vitrine.core.progress;
