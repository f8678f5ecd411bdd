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

// errNoBrowser is what Open returns on a machine without a display. SignIn then relies on the address that it has printed.
var errNoBrowser = errors.New("loopback: no browser can be started on this machine")

// openBrowser starts the browser of the platform. It does not wait for the browser to end.
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
	go func() { _ = cmd.Wait() }() // otherwise a zombie process remains
	return nil
}

// browserCommand returns the command that starts a browser, or nil if there is none. It uses no shell. address has passed
// browsable: it is one argument that begins with its scheme, so no program reads it as an option or a file name.
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
		return nil // xdg-open would start a browser for terminals, in the terminal of this program
	}
	return []string{"xdg-open", address}
}

// browsable returns address with every byte encoded that is not a URL character (RFC 3986, Section 2). The result contains no
// space, no quote, and nothing that controls a terminal. It rejects schemes other than http and https, because they could
// start any program.
func browsable(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return "", fmt.Errorf("loopback: %w: the address is not an http or https URL with a host", client.ErrBadAnswer)
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
