# frozen_string_literal: true

# Posts with Ruby's net/http, on one connection. Prints a status a line.

require 'net/http'

address, user, password, body_file = ARGV
url = URI(address)

Net::HTTP.start(url.host, url.port) do |http|
  post = lambda do |&fill|
    request = Net::HTTP::Post.new(url)
    request.basic_auth(user, password)
    fill.call(request)
    puts http.request(request).code
  end
  post.call { |request| request.set_form_data('body' => File.binread(body_file)) }
  post.call { |request| request.set_form([['body', File.open(body_file, 'rb')]], 'multipart/form-data') }
  post.call do |request|
    request.content_type = 'application/octet-stream'
    request.body = File.binread(body_file)
  end
  post.call do |request|
    request.content_type = 'application/octet-stream'
    request['Transfer-Encoding'] = 'chunked'
    request.body_stream = File.open(body_file, 'rb')
  end
end
