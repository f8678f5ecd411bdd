package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/environment"
)

const maxCredentialBytes = 16 << 10 // of a client assertion or a secret that is read for each request

// AssertionFile returns a function for Config.AssertionSource that reads the assertion from a file. It reads the file again
// for each request, because the platform replaces the file before the assertion expires. Use it for the service account
// tokens that Kubernetes writes to a projected volume. With the workload identity of Microsoft Entra, the environment
// variable AZURE_FEDERATED_TOKEN_FILE contains the path.
//
// The file must contain one JWT in compact serialization of at most 16 KiB. A line end after it is ignored. The signature is
// not verified. Errors name the file, and never contain a part of it.
func AssertionFile(path string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		assertion, err := readCredential(path)
		if err == nil {
			err = checkAssertion(assertion)
		}
		if err != nil {
			return "", fmt.Errorf("client: AssertionFile %q: %w", path, err)
		}
		return assertion, nil
	}
}

// SecretFile returns a function for Config.SecretSource that reads the client secret from a file. It reads the file again
// for each request. The file must not be empty, must not begin with a byte order mark, and must have at most 16 KiB. A line
// end after the secret is ignored. Errors name the file, and never contain a part of it.
func SecretFile(path string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		secret, err := readSecret(path)
		if err != nil {
			return "", fmt.Errorf("client: SecretFile %q: %w", path, err)
		}
		return secret, nil
	}
}

// readSecret returns the secret in a file. Some editors and shells begin a file with a byte order mark. It would become a part of
// the secret, and the response of the server could not say so.
func readSecret(path string) (string, error) {
	secret, err := readCredential(path)
	if err != nil {
		return "", err
	}
	for _, mark := range [...]string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} { // of UTF-8 and of both forms of UTF-16
		if strings.HasPrefix(secret, mark) {
			return "", errors.New("the file begins with a byte order mark, expected only the secret: save it without the mark, as UTF-8")
		}
	}
	return secret, nil
}

// readCredential returns the content of a file without the final line end. It returns an error for anything but a regular
// file, because opening a pipe, for example, could block forever.
func readCredential(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", environment.WithoutPath(err)
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("not a regular file")
	}
	file, err := os.Open(path) //nolint:gosec // G304: the path comes from the application
	if err != nil {
		return "", environment.WithoutPath(err)
	}
	defer func() { _ = file.Close() }() // it was only read
	content, err := io.ReadAll(io.LimitReader(file, maxCredentialBytes+1))
	if err != nil {
		return "", environment.WithoutPath(err)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	switch {
	case len(content) > maxCredentialBytes:
		return "", fmt.Errorf("the file has more than %d bytes", maxCredentialBytes)
	case text == "":
		return "", errors.New("the file is empty")
	}
	return text, nil
}

// checkAssertion returns an error unless raw has the form of a signed JWT (RFC 7519, Section 7.2). It does not verify the
// signature; the server does that. The error contains no part of raw.
func checkAssertion(raw string) error {
	if len(raw) > maxCredentialBytes {
		return fmt.Errorf("the assertion has more than %d bytes", maxCredentialBytes)
	}
	parts, err := compact.Split(raw)
	if err != nil {
		return errNoJWT
	}
	header, noHeader := parts.DecodeHeader()
	payload, noPayload := parts.DecodePayload()
	signature, noSignature := parts.AppendSignature(nil)
	if errors.Join(noHeader, noPayload, noSignature) != nil || len(signature) == 0 || !isObject(header) || !isObject(payload) {
		return errNoJWT
	}
	return nil
}

// isObject reports whether text is a JSON object.
func isObject(text string) bool { return strings.HasPrefix(text, "{") && json.Valid([]byte(text)) }

var errNoJWT = errors.New("not a JWT, expected a header, a payload and a signature in base64url (RFC 7519, Section 3)")

// assertion returns the result of Config.AssertionSource.
func (c *Client) assertion(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	assertion, err := c.cfg.AssertionSource(ctx)
	if err == nil {
		err = checkAssertion(assertion)
	}
	if err != nil {
		return "", fmt.Errorf("client: Config.AssertionSource: %w", err)
	}
	return assertion, nil
}

// secret returns the current client secret.
func (c *Client) secret(ctx context.Context) (string, error) {
	if c.cfg.SecretSource == nil {
		return c.cfg.ClientSecret, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	secret, err := c.cfg.SecretSource(ctx)
	if err == nil && secret == "" {
		err = errors.New("the secret is empty")
	}
	if err != nil {
		return "", fmt.Errorf("client: Config.SecretSource: %w", err)
	}
	return secret, nil
}
