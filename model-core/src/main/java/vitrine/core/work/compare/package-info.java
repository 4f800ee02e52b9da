/// Two checkpoints side by side (`compare`).
package vitrine.core.work.compare;
