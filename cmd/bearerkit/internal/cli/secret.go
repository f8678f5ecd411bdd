package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxSecret is the number of bytes that a secret may have.
const maxSecret = 1 << 20

// Secret reads a secret: from file if it is not empty, or else from the variable, or else from the file that the variable with the
// suffix _FILE names. The file "-" is the standard input. Secret removes white space at both ends. If none of the three is set, it
// returns "" and no error. flag is the name of the flag that file comes from, for messages, such as --token-file.
//
// An empty secret, a secret of more than 1 MiB, and a variable that is set together with its _FILE are errors.
func (e *Env) Secret(flag, file, variable string) (string, error) {
	value, fileVariable := e.Getenv(variable), e.Getenv(variable+"_FILE")
	switch {
	case file != "":
		return e.readSecret(flag, file)
	case value != "" && fileVariable != "":
		return "", Usagef("%s and %s_FILE are both set; unset one of them", variable, variable)
	case fileVariable != "":
		return e.readSecret(variable+"_FILE", fileVariable)
	}
	return strings.TrimSpace(value), nil
}

// readSecret reads a secret from a file. origin says where the name of the file comes from.
func (e *Env) readSecret(origin, file string) (string, error) {
	data, err := e.ReadFile(file, maxSecret)
	if err != nil {
		return "", Usagef("%s: %w", origin, err)
	}
	secret := strings.TrimSpace(string(data))
	if secret == "" {
		return "", Usagef("%s: %s is empty", origin, Quote(file))
	}
	return secret, nil
}

// ReadFile reads a file of at most limit bytes. The file "-" is the standard input. If there is no such file, the error does not
// contain its name, because a user may have passed a token or a secret in place of the name of a file.
//
// A terminal and a FIFO may never send anything. When the context of [Run] ends, ReadFile returns [context.Canceled] at once, and the
// goroutine that reads remains until the process ends.
func (e *Env) ReadFile(name string, limit int64) ([]byte, error) {
	type result struct {
		data []byte
		err  error
	}
	read := make(chan result, 1)
	go func() {
		data, err := e.readFile(name, limit)
		read <- result{data, err}
	}()
	select {
	case r := <-read:
		return r.data, r.err
	case <-e.done:
		return nil, context.Canceled
	}
}

// readFile is ReadFile without the end of the context.
func (e *Env) readFile(name string, limit int64) ([]byte, error) {
	source := e.Stdin
	if name != "-" {
		file, err := os.Open(name) //nolint:gosec // the caller of the program names the file
		if err != nil {
			return nil, withoutName(err)
		}
		defer file.Close() //nolint:errcheck // nothing was written
		source = file
	}
	data, err := io.ReadAll(io.LimitReader(source, limit+1))
	switch {
	case err == nil && int64(len(data)) > limit:
		return nil, fmt.Errorf("%s has more than %d bytes", Quote(name), limit)
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", Quote(name), err)
	}
	return data, nil
}

// withoutName returns an error without the name of the file.
func withoutName(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return fmt.Errorf("the file cannot be opened: %w", path.Err)
	}
	return err
}
