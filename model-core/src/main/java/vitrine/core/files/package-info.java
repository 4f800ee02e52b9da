/// Writing so that a result is whole or absent: under a temporary name in the target's folder, forced to the disk, renamed.
package vitrine.core.files;
