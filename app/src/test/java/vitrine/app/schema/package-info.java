/// The JSON schemas of the resources against what the program really says: tasks, requests, events, manifests.
///
/// Each schema is also shown what it must not accept: a schema that accepts everything would pass all other tests.
package vitrine.app.schema;
