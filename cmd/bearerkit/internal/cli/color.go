package cli

// Color is a color of text on a terminal.
type Color string

// The colors, as parameters of the control sequence SGR (ECMA-48).
const (
	Bold   Color = "1"
	Dim    Color = "2"
	Red    Color = "31"
	Green  Color = "32"
	Yellow Color = "33"
	Blue   Color = "36" // cyan, because blue is hard to read on black
)

// Paint returns text in a color. If Stdout is not a terminal, or NO_COLOR is set, or the result is JSON, it returns text unchanged.
// TERM=dumb has the same effect as NO_COLOR. CLICOLOR_FORCE=1 colors text also where Stdout is not a terminal.
func (e *Env) Paint(color Color, text string) string {
	if !e.colored() || text == "" {
		return text
	}
	return "\x1b[" + string(color) + "m" + text + "\x1b[0m"
}

func (e *Env) colored() bool {
	switch {
	case e.json, e.Getenv("NO_COLOR") != "", e.Getenv("TERM") == "dumb":
		return false
	}
	return e.Terminal(e.Stdout) || e.Getenv("CLICOLOR_FORCE") == "1"
}
