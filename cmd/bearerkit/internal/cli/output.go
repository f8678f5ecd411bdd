package cli

import "io"

// output is Stdout. It records the first error of a write, so that a command that prints text line by line cannot end with success if a
// part of its result is lost, for example because the disk is full.
type output struct {
	io.Writer

	err error
}

// Write implements [io.Writer].
func (o *output) Write(data []byte) (int, error) {
	n, err := o.Writer.Write(data)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

// recordOutput makes Stdout record errors, and returns it. Columns still receives the original writer.
func (e *Env) recordOutput() *output {
	out := &output{Writer: e.Stdout}
	columns := e.Columns
	e.Stdout = out
	e.Columns = func(w io.Writer) int {
		if w == io.Writer(out) {
			return columns(out.Writer)
		}
		return columns(w)
	}
	return out
}
