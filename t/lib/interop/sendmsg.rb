# BasicSocket#sendmsg and #recvmsg with Socket::AncillaryData; the calling
# convention is in Interop.pm.
require 'socket'

Thread.new { sleep 50; exit! 1 }
connection = Socket.for_fd(0)
verb, *arguments = ARGV

case verb
when 'send'
  data = File.binread(arguments[0])
  files = arguments.drop(1).map { |path| File.open(path) }
  rights = files.empty? ? [] : [Socket::AncillaryData.unix_rights(*files)]
  sent = connection.sendmsg(data, 0, nil, *rights)
  while sent < data.bytesize
    sent += connection.sendmsg(data.byteslice(sent..))
  end
when 'receive'
  length = arguments[0].to_i
  File.open(arguments[1], 'wb') do |target|
    while length > 0
      data, _, flags, *controls = connection.recvmsg(length, 0, 4096, scm_rights: true)
      exit 2 if data.empty? || flags & (Socket::MSG_TRUNC | Socket::MSG_CTRUNC) != 0
      controls.flat_map { |control| control.unix_rights || [] }.each do |file|
        puts file.pread(100, 0)
        file.close
      end
      target.write(data)
      length -= data.bytesize
    end
  end
else
  exit 64
end
