// Preload this module to make servers of Node listen on 127.0.0.1 only: `node --import ./loopback.mjs …`. Servers that do not
// name an address would listen on all addresses of the machine.
//
// Server.listen resolves a host asynchronously, and programs that name none read the port at once. So this module changes the
// function that listen calls with the resolved address.
import net from 'node:net';

const listen = net.Server.prototype._listen2;
if (!listen) throw new Error('this release of Node has no Server._listen2');

net.Server.prototype._listen2 = function (address, port, addressType, ...rest) {
  if (!address && port >= 0) return listen.call(this, '127.0.0.1', port, 4, ...rest);
  return listen.call(this, address, port, addressType, ...rest);
};
