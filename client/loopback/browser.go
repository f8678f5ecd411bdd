package loopback

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/bearerkit/bearerkit/client"
)

var errNoBrowser = errors.New("loopback: there is no browser here")

// openBrowser starts the platform's browser and does not wait for it.
func openBrowser(ctx context.Context, address string) error {
	command := browserCommand(runtime.GOOS, os.Getenv, address)
	if command == nil {
		return errNoBrowser
	}
	ctx = context.WithoutCancel(ctx)                            // the browser outlives the sign-in
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // G204: no shell reads it
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // so that no zombie is left
	return nil
}

// browserCommand is what starts a browser; nil: nothing does. No shell is among it, and address, which is browsable, is one
// argument that begins with its scheme, so that none takes it for an option or a file.
func browserCommand(system string, getenv func(string) string, address string) []string {
	switch system {
	case "darwin":
		return []string{"/usr/bin/open", address}
	case "windows":
		root := getenv("SystemRoot")
		if root == "" {
			return nil
		}
		return []string{filepath.Join(root, "System32", "rundll32.exe"), "url.dll,FileProtocolHandler", address}
	}
	if getenv("DISPLAY") == "" && getenv("WAYLAND_DISPLAY") == "" && getenv("BROWSER") == "" {
		return nil // what would start is a browser for terminals, in the program's own
	}
	return []string{"xdg-open", address}
}

// browsable returns address with all that is no character of a URL (RFC 3986 §2) encoded: nothing in it is a space, a quote,
// or obeyed by a terminal. A scheme other than http and https could start any program.
func browsable(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return "", fmt.Errorf("loopback: %w: the address is not one for a browser", client.ErrBadAnswer)
	}
	var text strings.Builder
	for _, b := range []byte(address) {
		if b <= ' ' || b >= 0x7f || strings.IndexByte("\"<>\\^`{|}", b) >= 0 {
			_, _ = fmt.Fprintf(&text, "%%%02X", b)
			continue
		}
		_ = text.WriteByte(b)
	}
	return text.String(), nil
}
