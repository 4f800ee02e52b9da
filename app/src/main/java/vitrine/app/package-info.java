/// The program: its entry point and the one place where its services are put together.
package vitrine.app;
