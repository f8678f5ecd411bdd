package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Check returns nil if every server can be reached, is a master, and does not evict keys. It does not check whether Redis is
// full, and does not compare the clocks: Mark and Save return errors for these. Call Check when the process starts, and in a
// readiness probe.
//
// If Redis is new, has restarted, or was emptied, Mark rejects proofs for about 70 s (with the default DPoPConfig.Window and
// ClockSkew). This time begins with Check, or with the first call of Mark if Check is not called.
func (s *Store) Check(ctx context.Context) error {
	limited, cancel := s.limited(ctx)
	defer cancel()
	if err := s.checkServers(limited); err != nil {
		return failed(ctx, "Check", err)
	}
	if err := s.confirmAll(limited); err != nil {
		return failed(ctx, "Check", err)
	}
	return nil
}

// ready checks the servers until the check has succeeded once.
func (s *Store) ready(ctx context.Context) error {
	if s.checked.Load() {
		return nil
	}
	return s.checkServers(ctx)
}

// checkServers checks every master. A wrong setting that is found later makes the store return errors again.
func (s *Store) checkServers(ctx context.Context) error {
	var err error
	// Only masters take writes, so the settings of replicas do not matter until one of them takes over.
	if cluster, ok := s.cfg.Client.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error { return s.checkServer(ctx, c) })
	} else {
		err = s.checkServer(ctx, s.cfg.Client)
	}
	// An unreachable server says nothing about its settings.
	if err == nil || isSetting(err) {
		s.checked.Store(err == nil)
	}
	return err
}

// settingError is an error of [Store.Check] that is not temporary.
type settingError string

func (e settingError) Error() string { return string(e) }

func isSetting(err error) bool {
	var e settingError
	return errors.As(err, &e)
}

// checkServer checks one server.
func (s *Store) checkServer(ctx context.Context, client redis.Cmdable) error {
	if s.cfg.InsecureSkipServerCheck {
		return client.Ping(ctx).Err()
	}
	text, err := client.Info(ctx).Result()
	if err != nil {
		return fmt.Errorf("redisstore: the settings of the server cannot be read with INFO (Config.InsecureSkipServerCheck): %w", err)
	}
	info := parseInfo(text)
	policy, limit := info["maxmemory_policy"], info["maxmemory"]
	switch {
	case info["role"] == "slave":
		return errors.New("redisstore: the server is a replica, expected a master (Config.Client)")
	case policy == "":
		return settingError("redisstore: INFO does not contain maxmemory_policy (Config.InsecureSkipServerCheck)")
	case policy != "noeviction" && limit != "0": // without a limit, Redis evicts nothing
		return settingError(fmt.Sprintf("redisstore: maxmemory-policy is %.40q, expected noeviction: "+
			"the server may evict used proofs and denied tokens (Config.InsecureSkipServerCheck)", policy))
	}
	return nil
}

// parseInfo returns the fields of a response to INFO.
func parseInfo(text string) map[string]string {
	fields := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields
}
