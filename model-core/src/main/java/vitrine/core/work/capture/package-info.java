/// Forward passes over a prompt with everything kept that is asked for (`capture`), and heads over a whole text (`heads`).
package vitrine.core.work.capture;
