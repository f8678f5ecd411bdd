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

// errNoBrowser is the error of openBrowser on a machine without a display. SignIn ignores it, because it has already
// printed the address.
var errNoBrowser = errors.New("loopback: no browser can be started on this machine")

// openBrowser starts the default browser of the operating system. It does not wait for the browser to exit. It is the
// default of Options.Open.
func openBrowser(ctx context.Context, address string) error {
	command := browserCommand(runtime.GOOS, os.Getenv, address)
	if command == nil {
		return errNoBrowser
	}
	ctx = context.WithoutCancel(ctx)                            // the browser outlives the sign-in
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // G204: the command is not run by a shell
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // reap the process, so that it does not remain as a zombie
	return nil
}

// browserCommand returns the command that starts a browser, or nil if no browser can be started. The command uses no
// shell. address is a result of browsable, so it begins with http: or https:, and no program reads it as an option or a
// file name. system is a GOOS value. getenv is os.Getenv, except in tests.
func browserCommand(system string, getenv func(string) string, address string) []string {
	switch system {
	// On macOS and Windows, use a full path, so that PATH does not decide which program is started.
	case "darwin":
		return []string{"/usr/bin/open", address}
	case "windows":
		// rundll32 passes the address to the default browser. Unlike "cmd /c start", it gives no meaning to characters such as
		// &.
		root := getenv("SystemRoot")
		if root == "" {
			return nil
		}
		return []string{filepath.Join(root, "System32", "rundll32.exe"), "url.dll,FileProtocolHandler", address}
	}
	if getenv("DISPLAY") == "" && getenv("WAYLAND_DISPLAY") == "" && getenv("BROWSER") == "" {
		return nil // xdg-open would start a text browser, which would take over the terminal of this program
	}
	return []string{"xdg-open", address}
}

// browsable returns address, with each byte that is not a URL character percent-encoded (RFC 3986, Section 2). The result
// can be printed and passed to a command: it contains no space, no quote and no control character. It rejects schemes
// other than http and https, because they could start any program.
func browsable(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return "", fmt.Errorf("loopback: %w: the address is not an http or https URL with a host", client.ErrBadResponse)
	}
	var text strings.Builder
	// The percent sign is not encoded, because the address may contain encoded bytes already.
	for _, b := range []byte(address) {
		if b <= ' ' || b >= 0x7f || strings.IndexByte("\"<>\\^`{|}", b) >= 0 {
			_, _ = fmt.Fprintf(&text, "%%%02X", b)
			continue
		}
		_ = text.WriteByte(b)
	}
	return text.String(), nil
}
