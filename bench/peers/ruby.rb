# Ruby's UNIXSocket: send_io and recv_io, which always make an object.
require 'socket'
require 'tmpdir'

CONN, FAR_END = UNIXSocket.pair

def now
  Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
end

def check(io, kind)
  CONN.send_io(io)
  received = FAR_END.recv_io(kind)
  abort 'the wrong file came' if io.is_a?(File) && received.stat.ino != io.stat.ino
  received.close
end

def pass(count, io, kind)
  check(io, kind)
  start = now
  count.times do
    CONN.send_io(io)
    FAR_END.recv_io(kind).close
  end
  now - start
end

def connects(count)
  Dir.mktmpdir do |directory|
    path = "#{directory}/endpoint"
    listener = UNIXServer.new(path)
    start = now
    count.times do
      client = UNIXSocket.new(path)
      server = listener.accept
      client.close
      server.close
    end
    return now - start
  end
end

def pin(core)
  system("taskset -cp #{core} #{Process.pid} >/dev/null 2>&1")
end

def two_processes(count)
  file = File.open($PROGRAM_NAME)
  check(file, IO)
  gate, opener = IO.pipe
  child = fork do
    pin(1)
    gate.read(1)
    (count + 1).times { CONN.send_io(file) }
    exit!(true)
  end
  pin(0)
  opener.write("\n")
  opener.flush
  FAR_END.recv_io.close
  start = now
  count.times { FAR_END.recv_io.close }
  elapsed = now - start
  Process.wait(child)
  elapsed
end

def there_and_back(count)
  file = File.open($PROGRAM_NAME)
  check(file, IO)
  pin(0)
  child = fork do
    (count + 1).times do
      received = FAR_END.recv_io
      FAR_END.send_io(received)
      received.close
    end
    exit!(true)
  end
  CONN.send_io(file)
  CONN.recv_io.close
  start = now
  count.times do
    CONN.send_io(file)
    CONN.recv_io.close
  end
  elapsed = now - start
  Process.wait(child)
  elapsed
end

WORKS = {
  'files' => ->(count) { pass(count, File.open($PROGRAM_NAME), IO) },
  'sockets' => ->(count) { pass(count, UNIXSocket.pair.first, UNIXSocket) },
  'connects' => method(:connects),
  'two_processes' => method(:two_processes),
  'there_and_back' => method(:there_and_back)
}.freeze

if ARGV.empty?
  puts WORKS.keys
else
  puts WORKS.fetch(ARGV[0]).call(ARGV[1].to_i)
end
