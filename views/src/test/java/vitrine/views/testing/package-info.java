/// What tests of several views share: an engine that runs its tasks in this process
/// ([vitrine.views.testing.InProcessEngine]), so that a view can be tested without a worker.
package vitrine.views.testing;
