package engine

import (
	"bufio"
	"context"
	"net"
	"strings"
	"time"
)

// redis is Redis. Tests run with version 7.0.
type redis struct{}

func (redis) missing() string {
	return firstMissing(map[string]string{"redis-server": program("redis-server"), "redis-cli": program("redis-cli")})
}

func (redis) account() string { return "redis" }

// create writes a configuration file, because other users can read the command line.
func (redis) create(s *Server) error {
	settings := "bind 127.0.0.1\nsave \"\"\nrequirepass " + password() + "\ndir " + s.path("data") + "\n"
	if s.options.Durable {
		settings += "appendonly yes\nappendfsync always\n"
	}
	_, err := s.run(settings, nil, "sh", "-c", "umask 077; cat >redis.conf")
	return err
}

func (redis) command(s *Server) []string {
	return []string{program("redis-server"), s.path("redis.conf"), "--port", s.port}
}

// ready sends PING. Redis accepts connections while it still loads its data, and then responds with an error.
func (redis) ready(s *Server, _ int) bool {
	conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", s.Addr())
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	_, err = conn.Write([]byte("AUTH " + password() + "\r\nPING\r\n"))
	if err != nil {
		return false
	}
	lines := bufio.NewReader(conn)
	for range 2 { // the first line is the response to AUTH
		if line, err := lines.ReadString('\n'); err == nil && strings.HasPrefix(line, "+PONG") {
			return true
		}
	}
	return false
}

// database does nothing: the keys of a test must have a prefix of their own if it shares a server.
func (redis) database(*Server, string) error { return nil }

func (redis) dsn(addr, _ string) string { return "redis://:" + password() + "@" + addr + "/0" }

// admin passes the password in the environment, because other users can read the command line.
func (redis) admin(s *Server, commands string) (string, error) {
	return s.run(commands, []string{"REDISCLI_AUTH=" + password()}, program("redis-cli"), "-e", "-h", "127.0.0.1", "-p", s.port)
}

// readOnly makes the server a replica of a server that does not exist. A replica rejects changes and keeps its data.
func (redis) readOnly(on bool) string {
	if on {
		return "REPLICAOF 127.0.0.1 1"
	}
	return "REPLICAOF NO ONE"
}
