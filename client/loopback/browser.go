package loopback

import (
	"context"
	"os/exec"
	"runtime"
)

// openBrowser starts the platform's browser and does not wait for it.
func openBrowser(ctx context.Context, address string) error {
	command := []string{"xdg-open"}
	switch runtime.GOOS {
	case "darwin":
		command = []string{"open"}
	case "windows":
		command = []string{"rundll32", "url.dll,FileProtocolHandler"}
	}
	ctx = context.WithoutCancel(ctx)                                             // the browser outlives the sign-in
	cmd := exec.CommandContext(ctx, command[0], append(command[1:], address)...) //nolint:gosec // G204: no shell reads it
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // so that no zombie is left
	return nil
}
