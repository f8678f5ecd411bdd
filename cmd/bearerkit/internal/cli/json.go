package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// WriteJSON writes v to Stdout as one JSON document, indented. Characters that are not printable are escaped, because Stdout may be
// a terminal.
func (e *Env) WriteJSON(v any) error {
	var document bytes.Buffer
	encoder := json.NewEncoder(&document)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("cli: write the result as JSON: %w", err)
	}
	_, err := fmt.Fprint(e.Stdout, Clean(document.String()))
	return err
}
