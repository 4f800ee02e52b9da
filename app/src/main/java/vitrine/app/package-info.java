/// The program: its entry point and the window's application.
package vitrine.app;
