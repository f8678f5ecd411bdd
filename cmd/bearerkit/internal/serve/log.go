package serve

import (
	"fmt"
	"io"
	"log/slog"
)

// level returns the level of the log.
func (c logConfig) level() (slog.Level, error) {
	for name, level := range map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	} {
		if name == c.Level {
			return level, nil
		}
	}
	return 0, fmt.Errorf("log.level is %q, expected debug, info, warn or error", c.Level)
}

// logger returns a logger that writes to w. c must be valid.
func (c logConfig) logger(w io.Writer) *slog.Logger {
	level, _ := c.level()
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}
