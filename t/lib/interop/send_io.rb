# UNIXSocket#send_io and #recv_io; the calling convention is in Interop.pm.
require 'socket'

Thread.new { sleep 50; exit! 1 }
connection = UNIXSocket.for_fd(0)
verb, *arguments = ARGV

case verb
when 'send'
  arguments.each { |path| File.open(path) { |file| connection.send_io(file) } }
when 'receive'
  arguments[0].to_i.times do
    file = connection.recv_io(File)
    puts file.pread(100, 0)
    file.close
  end
else
  exit 64
end
