/// What a user prefers: a small file of JSON that people may edit, [vitrine.app.preferences.PreferencesFile], and what it says,
/// [vitrine.app.preferences.Preferences]. A file that is wrong never keeps the program from starting: what can be used of it is used,
/// and what cannot is told in one sentence each.
package vitrine.app.preferences;
