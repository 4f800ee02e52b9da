/// What the window's user can do: each [vitrine.app.shell.command.Command] once, with its name, icon, key and the reason why it
/// cannot be done just now. Buttons, keys and the [vitrine.app.shell.command.CommandPalette] all come from the same objects.
package vitrine.app.shell.command;
