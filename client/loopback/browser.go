package loopback

import (
	"context"
	"os/exec"
	"runtime"
)

// openBrowser starts the platform's browser and does not wait for it.
func openBrowser(ctx context.Context, address string) error {
	ctx = context.WithoutCancel(ctx) // the browser outlives the sign-in
	var cmd *exec.Cmd
	switch runtime.GOOS {
	case "darwin":
		cmd = exec.CommandContext(ctx, "open", address)
	case "windows":
		cmd = exec.CommandContext(ctx, "rundll32", "url.dll,FileProtocolHandler", address)
	default:
		cmd = exec.CommandContext(ctx, "xdg-open", address)
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // so that no zombie is left
	return nil
}
