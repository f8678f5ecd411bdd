package cli

import (
	"fmt"
	"unicode/utf8"
)

// Progress shows on Stderr what a command is doing, on one line. It shows nothing if Stderr is not a terminal, or if TERM is dumb, because
// such a terminal cannot replace a line. Make one with
// [Env.Progress]. It is not safe for concurrent use.
type Progress struct {
	env     *Env
	columns int
	shown   bool
}

// Progress returns a Progress. Call Done before writing a result.
func (e *Env) Progress() *Progress {
	if e.Getenv("TERM") == "dumb" {
		return &Progress{env: e}
	}
	return &Progress{env: e, columns: e.Columns(e.Stderr)}
}

// Step replaces the line with text.
func (p *Progress) Step(text string) {
	if p.columns == 0 {
		return
	}
	text = Clean(text)
	if limit := p.columns - 1; utf8.RuneCountInString(text) > limit { // a line that wraps could not be replaced
		text = string([]rune(text)[:limit])
	}
	fmt.Fprint(p.env.Stderr, "\r\x1b[K"+text)
	p.shown = true
}

// Done removes the line.
func (p *Progress) Done() {
	if p.shown {
		fmt.Fprint(p.env.Stderr, "\r\x1b[K")
	}
	p.shown = false
}
